/** The toasts, at the foot of every page. */

import { useEffect, useState } from "preact/hooks";
import { dismiss, seconds, type Toast, takeBack, toasts } from "../stores/toasts";
import { t } from "../strings";
import { Icon } from "./Icon";

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map((toast) => (
        <ToastLine key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastLine({ toast }: { toast: Toast }) {
  const [held, setHeld] = useState(false); // by the pointer or the focus of somebody who reads it
  useEffect(() => {
    if (toast.undo || held) return;
    const timer = setTimeout(() => dismiss(toast.id), seconds * 1000);
    return () => clearTimeout(timer);
  }, [toast, held]);
  return (
    <div
      class="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      <span>{toast.text}</span>
      {toast.undo && (
        <button class="quiet" type="button" onClick={() => takeBack(toast)}>
          {t.toasts.undo}
        </button>
      )}
      <button class="plain square" type="button" aria-label={t.common.close} onClick={() => dismiss(toast.id)}>
        <Icon name="close" size={18} />
      </button>
    </div>
  );
}
