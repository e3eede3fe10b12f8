/** Pictures on their way to the server, one after the other; each is known by its id from then on. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { fieldErrors } from "../api/problem";
import type { SentPicture } from "../api/types";
import { type Sending, sendPicture } from "../api/upload";
import { t } from "../strings";
import { asProblem } from "./resource";

export interface Delivery {
  name: string | null; // of the file that is on its way
  share: number; // of its bytes that are there
  error: string; // why the last ones were not taken
  take: (files: File[]) => void;
  stop: () => void;
}

export function useDelivery(onTaken: (picture: SentPicture) => void): Delivery {
  const [name, setName] = useState<string | null>(null);
  const [share, setShare] = useState(0);
  const [error, setError] = useState("");
  const sending = useRef<Sending<SentPicture>>(undefined);
  const waiting = useRef<File[]>([]);
  const taken = useRef(onTaken);
  taken.current = onTaken;

  const stop = useCallback(() => {
    waiting.current = [];
    sending.current?.cancel();
  }, []);
  useEffect(() => stop, [stop]);

  const deliver = async () => {
    for (let file = waiting.current.shift(); file; file = waiting.current.shift()) {
      setName(file.name);
      setShare(0);
      sending.current = sendPicture(file, (sent, total) => setShare(total > 0 ? sent / total : 0));
      try {
        const picture = await sending.current.answer;
        if (picture) taken.current(picture);
      } catch (reason) {
        const problem = asProblem(reason);
        setError(fieldErrors(problem).file ?? (problem.detail || problem.title));
      }
    }
    sending.current = undefined;
    setName(null);
  };

  const take = (files: File[]) => {
    setError(files.length > 0 ? "" : t.drop.noFile);
    waiting.current.push(...files);
    if (!sending.current && files.length > 0) deliver();
  };
  return { name, share, error, take, stop };
}
