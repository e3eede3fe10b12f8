/** What a version makes of prompts: the captions that it learned from and that are nearest, with their pictures. */

import { api } from "../api/client";
import { Picture, ProblemNote } from "../components/pieces";
import { useResource } from "../lib/resource";

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
  return (
    <section class="stack close" aria-label="What it learned from">
      <h2>Nearest in what it learned from</h2>
      <p class="small soft">What a result has in common with these pictures may be memory.</p>
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
                  {near.caption} <span class="soft">{Math.round(near.similarity * 100)} %</span>
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
