/** Choose a picture and the styles it is to be drawn in, and start. The address holds every choice. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api } from "../api/client";
import { fieldErrors, Problem } from "../api/problem";
import type { Style as Builtin, StyleMethod } from "../api/types";
import { Details } from "../components/Details";
import { SelectField } from "../components/fields";
import { Loading, PageHead, ProblemNote } from "../components/pieces";
import { SchemaForm } from "../components/SchemaForm";
import { SchemaSliders } from "../components/SchemaSliders";
import { title } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { baseline, chosen, differing, errorsOf, fieldsOf, grouped } from "../lib/schema";
import { useDelivery } from "../lib/sending";
import { type ChosenStyle, essentials, styleError, stylesIn, stylesTitle, writtenStyles } from "../lib/style";
import { below, type Changes, replaced, useQuery } from "../lib/url";
import { remember } from "../stores/jobs";
import { t } from "../strings";
import { ContentChoice, GalleryChoice, StylesChoice } from "./style-choices";
import { StyleHistory } from "./style-history";

export default function Style() {
  const methods = useResource("style methods", api.styleMethods);
  const gallery = useResource("styles", api.styles);
  const problem = methods.problem ?? gallery.problem;
  return (
    <div class="page">
      <PageHead title={t.style.title}>
        <p class="lead">{t.style.lead}</p>
      </PageHead>
      <ProblemNote problem={problem} />
      {methods.data && gallery.data ? (
        <StyleForm methods={methods.data} gallery={gallery.data} />
      ) : (
        !problem && <Loading />
      )}
      <StyleHistory gallery={gallery.data} />
    </div>
  );
}

function StyleForm({ methods, gallery }: { methods: StyleMethod[]; gallery: Builtin[] }) {
  const [query, change] = useQuery();
  const { route } = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [starting, setStarting] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problem]);

  const edited = (changes: Changes) => {
    setProblem(null);
    change(changes);
  };
  const { content } = query;
  const styles = stylesIn(query.style);
  const latest = useRef(styles); // several pictures may come before the address has the first
  latest.current = styles;
  const restyle = (next: ChosenStyle[]) => {
    latest.current = next;
    edited({ style: writtenStyles(next) });
  };
  const add = (picture: string) => restyle(stylesIn(writtenStyles([...latest.current, newStyle(picture)])));
  const contentDelivery = useDelivery(({ id }) => edited({ content: id }));
  const styleDelivery = useDelivery(({ id }) => add(id));

  // What is pasted, or falls beside the drops, goes where something is missing; without this, a file would replace the page.
  const catcher = useRef((_: Event, __: FileList | undefined) => {});
  catcher.current = (event, files) => {
    if (!files || files.length === 0) return;
    event.preventDefault();
    if (content || contentDelivery.name !== null) styleDelivery.take([...files]);
    else contentDelivery.take([...files].slice(0, 1));
  };
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => catcher.current(event, event.clipboardData?.files);
    const onOver = (event: DragEvent) => event.preventDefault();
    const onDrop = (event: DragEvent) => catcher.current(event, event.dataTransfer?.files);
    document.addEventListener("paste", onPaste);
    document.addEventListener("dragover", onOver);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("paste", onPaste);
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("drop", onDrop);
    };
  }, []);

  const method = methods.find(({ name }) => name === query.method) ?? methods[0];
  const fields = useMemo(() => (method ? fieldsOf(method.hyperparameters) : []), [method]);
  if (!method) return <p class="empty">{t.style.noMethods}</p>;

  const base = baseline(fields);
  const drafts = differing(fields, base, below(query, "hp."));
  const hyper = chosen(fields, drafts);
  const wrong = Object.keys(hyper.errors).length;
  const { first, others } = essentials(fields);
  const own = fieldErrors(problem);
  const hyperErrors = fieldErrors(problem, "/hyperparameters");
  const shownAtFields = problem !== null && problem.errors.length > 0 && problem.errors.every(isShown(fields));
  const redraft = (next: Record<string, string>) => edited(replaced(query, "hp.", next));

  const start = async (event: Event) => {
    event.preventDefault();
    const missing = [
      ...(content ? [] : [{ pointer: "/content", detail: t.style.chooseContent }]),
      ...(styles.length > 0 ? [] : [{ pointer: "/styles", detail: t.style.chooseStyle }]),
    ];
    if (!content || missing.length > 0) return setProblem(new Problem(0, t.style.missing, "", missing));
    setStarting(true);
    try {
      const job = await api.stylize({
        method: method.name,
        content,
        styles,
        hyperparameters: hyper.values,
        priority: 0,
      });
      remember([job]);
      route(`/style/${job.id}`);
    } catch (reason) {
      setProblem(asProblem(reason));
      setStarting(false);
    }
  };

  return (
    <form class="page" onSubmit={start} noValidate ref={form}>
      <div class="halves">
        <ContentChoice
          content={content}
          delivery={contentDelivery}
          error={own.content}
          onRemove={() => edited({ content: undefined })}
        />
        <StylesChoice
          styles={styles}
          gallery={gallery}
          delivery={styleDelivery}
          problem={problem}
          error={styleError(problem, null)}
          onChange={restyle}
        />
      </div>
      <GalleryChoice
        all={gallery}
        chosen={styles}
        onToggle={(name, on) => (on ? add(name) : restyle(latest.current.filter(({ picture }) => picture !== name)))}
      />
      <section class="stack" aria-labelledby="how">
        <h2 id="how">{t.style.how}</h2>
        <div class="panel stack">
          <SchemaSliders fields={first} base={base} drafts={drafts} errors={hyperErrors} onChange={redraft} />
        </div>
        <div class="fields">
          <SelectField
            label={t.style.method}
            help={method.summary}
            value={method.name}
            error={own.method}
            options={methods.map(({ name, title }) => [name, title])}
            onChoose={(name) => edited({ method: name })}
          />
        </div>
        {grouped(others).map(([group, members]) => (
          <Details
            key={`${method.name} ${group}`}
            title={t.style.groups[group] ?? title(group)}
            fields={members}
            drafts={drafts}
            from={t.train.defaults}
            errors={{ ...errorsOf(members, hyper.errors), ...errorsOf(members, hyperErrors) }}
          >
            <SchemaForm
              fields={members}
              base={base}
              origin={t.train.default}
              drafts={drafts}
              errors={hyperErrors}
              onChange={redraft}
            />
          </Details>
        ))}
      </section>
      {!shownAtFields && <ProblemNote problem={problem} />}
      <div class="start-bar">
        <span>
          <strong>{content ? t.style.yours : t.style.aPicture}</strong>
          <span class="soft">
            {" "}
            · {styles.length > 0 ? t.style.inStyleOf(stylesTitle(styles, gallery)) : t.style.noStyle}
          </span>
          <span class="soft"> · {t.style.size(String({ ...base, ...hyper.values }.size))}</span>
        </span>
        <button type="submit" disabled={starting || wrong > 0}>
          {starting ? t.common.starting : wrong > 0 ? t.style.toMend(wrong) : t.style.draw}
        </button>
      </div>
    </form>
  );
}

const newStyle = (picture: string): ChosenStyle => ({ picture, weight: 1, mask: undefined });

/** Whether a message stands beside what it is about. */
function isShown(fields: { name: string }[]): (error: { pointer: string }) => boolean {
  return ({ pointer }) => {
    const [, whole, part] = pointer.split("/");
    if (whole === "hyperparameters") return fields.some(({ name }) => name === part);
    return whole === "content" || whole === "styles" || whole === "method";
  };
}
