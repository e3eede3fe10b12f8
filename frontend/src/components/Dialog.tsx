/** A window above the page: the rest of it rests, Escape closes it, and the focus goes back to where it came from. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../strings";
import { Icon } from "./Icon";

interface DialogProps {
  title: string;
  onClose: () => void;
  class?: string;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, class: more = "", children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`window ${more}`}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()} // beside it
      onKeyDown={(event) => event.key === "Escape" && event.stopPropagation()}
    >
      <div class="window-inner">
        <div class="row apart window-head">
          <h2 id={id}>{title}</h2>
          <button
            class="plain square"
            type="button"
            onClick={() => dialog.current?.close()}
            aria-label={t.common.close}
          >
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
