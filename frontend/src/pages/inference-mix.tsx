/** A grid of mixed styles: the coarse ones of its rows, the fine ones of its columns, as in StyleGAN's figure 3. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Mixed } from "../api/types";
import { Icon } from "../components/Icon";
import { Picture, ProblemNote } from "../components/pieces";
import { useRest } from "../lib/rest";
import { listed } from "../lib/seeds";
import { useShortcuts } from "../lib/shortcuts";
import { wishesOf } from "../lib/wishes";
import { useWorking } from "../lib/working";
import { t } from "../strings";
import { AsCode } from "./inference-code";
import { BusyNote, Easel, type ModeProps } from "./inference-mode";
import { Options } from "./inference-options";
import { crisp } from "./inference-wall";

const most = 12; // rows, and columns
const rest = 350; // milliseconds

export function Mix({ version, can, query, change }: ModeProps) {
  const { model, version: number } = version;
  const words = t.inference.mix;
  const layers = Object.values(can.layers ?? {}).flat();
  const last = layers.length - 1;
  const rowText = query.rows ?? "1, 2, 3, 4";
  const columnText = query.columns ?? "11, 12, 13, 14, 15";
  const [rows, columns] = [listed(rowText, most), listed(columnText, most)];
  const middle = can.layers?.middle?.[0] ?? Math.ceil(layers.length / 2);
  const crossover = Math.min(last, Math.max(1, Math.round(Number(query.crossover ?? middle)) || middle));
  const [made, setMade] = useState<Mixed>();
  const { busy, problem, work } = useWorking(`${model}@${number}`);
  const options = Object.fromEntries(Object.entries(query).filter(([name]) => name.startsWith("option.")));
  const body = rows &&
    columns && { ...wishesOf(options, can), rows, columns, layers: layers.filter((layer) => layer >= crossover) };
  const key = body && JSON.stringify(body);
  const mix = async () => {
    if (!body) return;
    const answer = await work(() => api.mix(model, number, body));
    if (answer) setMade(answer);
  };
  useRest(key, rest, mix);
  const roll = (name: "rows" | "columns", count: number) => {
    const from = Math.floor(Math.random() * 1e6);
    change({ [name]: Array.from({ length: count }, (_, index) => from + index).join(", ") });
  };
  useShortcuts({
    d: () => roll("columns", columns?.length ?? 4),
    " ": mix,
    Enter: mix,
  });
  const look = crisp(version);
  return (
    <Easel
      controls={
        <section class="panel stack wishes" aria-label={words.title}>
          <SeedList
            label={words.rows}
            help={words.rowsHelp}
            value={rowText}
            bad={rows === null}
            onText={(text) => change({ rows: text })}
            onRoll={() => roll("rows", rows?.length ?? 4)}
          />
          <SeedList
            label={words.columns}
            help={words.columnsHelp}
            value={columnText}
            bad={columns === null}
            onText={(text) => change({ columns: text })}
            onRoll={() => roll("columns", columns?.length ?? 5)}
          />
          <div class="field slider changed">
            <div class="field-label">
              <label for="crossover">{words.crossover}</label>
              <span>{words.from(crossover)}</span>
            </div>
            <input
              id="crossover"
              type="range"
              min={1}
              max={last}
              value={crossover}
              aria-valuetext={words.from(crossover)}
              onInput={(e) => change({ crossover: e.currentTarget.value })}
            />
            <div class="chips">
              {Object.entries(can.layers ?? {})
                .filter(([, of]) => (of[0] ?? 0) > 0)
                .map(([name, of]) => (
                  <button
                    key={name}
                    class="quiet chip"
                    type="button"
                    aria-pressed={of[0] === crossover}
                    onClick={() => change({ crossover: String(of[0]) })}
                  >
                    {words.blocks[name] ?? name}
                  </button>
                ))}
            </div>
            <p class="small soft">{words.help}</p>
          </div>
          <Options can={can} query={query} change={change} />
        </section>
      }
    >
      <BusyNote busy={busy} done={made ? words.mixed(made.items.flat().length) : ""} />
      <ProblemNote problem={problem} />
      {made && (
        <section class="mix-scroll" aria-label={words.title}>
          <table class="mix">
            <thead>
              <tr>
                <td />
                {made.columns.map((image, index) => (
                  <th key={index} scope="col">
                    <Picture src={image.url} alt={words.column(index + 1, seedIn(image))} class={look} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {made.items.map((line, row) => (
                <tr key={row}>
                  <th scope="row">
                    {made.rows[row] && (
                      <Picture src={made.rows[row].url} alt={words.row(row + 1, seedIn(made.rows[row]))} class={look} />
                    )}
                  </th>
                  {line.map((image, column) => (
                    <td key={column}>
                      <a href={image.url} download={`${model}-mix-${row + 1}-${column + 1}.png`}>
                        <Picture src={image.url} alt={words.cell(row + 1, column + 1)} class={look} />
                      </a>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {made && body && (
        <AsCode
          recipe={{ url: `/api/v1/models/${model}/versions/${number}/style-mixing`, body }}
          file={`${model}-mixed.png`}
        />
      )}
    </Easel>
  );
}

function seedIn({ parameters }: Mixed["rows"][number]): string {
  return String((parameters as { seed?: number }).seed ?? "");
}

interface SeedListProps {
  label: string;
  help: string;
  value: string;
  bad: boolean;
  onText: (text: string) => void;
  onRoll: () => void;
}

function SeedList({ label, help, value, bad, onText, onRoll }: SeedListProps) {
  return (
    <div class="field">
      <label class="field-label" for={label}>
        {label}
      </label>
      <div class="with-button">
        <input
          id={label}
          value={value}
          aria-invalid={bad || undefined}
          onInput={(e) => onText(e.currentTarget.value)}
        />
        <button class="quiet square" type="button" onClick={onRoll} aria-label={t.inference.mix.roll(label)}>
          <Icon name="dice" />
        </button>
      </div>
      {bad ? (
        <span class="field-error" role="alert">
          {t.inference.mix.bad(most)}
        </span>
      ) : (
        <span class="field-help">{help}</span>
      )}
    </div>
  );
}
