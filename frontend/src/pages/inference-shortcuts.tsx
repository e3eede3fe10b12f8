/** All keys that do something on the inference page. */

import { Dialog } from "../components/Dialog";
import { t } from "../strings";

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t.inference.shortcuts.title} onClose={onClose}>
      <dl class="keys">
        {t.inference.shortcuts.all.map(([keys, words]) => (
          <div key={words}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p class="small soft">{t.inference.shortcuts.without}</p>
    </Dialog>
  );
}
