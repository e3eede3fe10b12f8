/** What a version makes of prompts: the captions that it learned from and that are nearest, with their pictures. */

import { api } from "../api/client";
import { Picture, ProblemNote } from "../components/pieces";
import { useResource } from "../lib/resource";
import { t } from "../strings";

interface ReadingsProps {
  prompts: string[];
  model: string;
  number: number;
}

export function Readings(props: ReadingsProps) {
  return props.prompts.length > 0 ? <Nearest {...props} /> : null;
}

function Nearest({ prompts, model, number }: ReadingsProps) {
  const key = JSON.stringify(["prompts", model, number, prompts]);
  const { data, problem } = useResource(key, () => api.readPrompts(model, number, prompts));
  const words = t.inference.readings;
  return (
    <section class="stack close" aria-label={words.label}>
      <h2>{words.title}</h2>
      <p class="small soft">{words.help}</p>
      <ProblemNote problem={problem} />
      {data?.map((reading) => (
        <div class="stack close" key={reading.prompt}>
          {reading.warning && (
            <p class="note mild" role="status">
              {reading.warning}
            </p>
          )}
          <ul class="neighbours">
            {reading.nearest.map((near) => (
              <li key={near.picture_url}>
                <Picture src={near.picture_url} alt="" />
                <span class="small">
                  {near.caption} <span class="soft">{words.similarity(Math.round(near.similarity * 100))}</span>
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
