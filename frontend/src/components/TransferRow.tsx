/** One style transfer in a list. */

import { referredUrl } from "../api/addresses";
import { api } from "../api/client";
import type { StyleTransfer } from "../api/types";
import { capital } from "../lib/format";
import { progressWords } from "../lib/job";
import { useResource } from "../lib/resource";
import { stylesTitle } from "../lib/style";
import { t } from "../strings";
import { JobProgress, StatusMark } from "./pieces";

export function TransferRow({ job }: { job: StyleTransfer }) {
  const gallery = useResource("styles", api.styles).data;
  const { content, styles } = job.style_transfer;
  return (
    <a class="run-row" href={`/style/${job.id}`}>
      <img class="thumb" src={job.preview ?? referredUrl(content, 128)} alt="" />
      <span class="stack tight middle">
        <strong>{t.job.transfer(job.id)}</strong>
        <span class="small soft middle">
          {capital(stylesTitle(styles, gallery))} · {progressWords(job)}
        </span>
      </span>
      <StatusMark job={job} />
      <JobProgress job={job} />
    </a>
  );
}
