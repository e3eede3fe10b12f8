/** Pages that come when they are asked for, and what stands in place of one that could not be shown: words, and a way back. */

import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ErrorBoundary, lazy as lazily, useLocation } from "preact-iso";
import { epoch } from "../stores/events";
import { t } from "../strings";
import { PageHead } from "./pieces";

/** A page's part of the script could not be read: the server is away, or has a newer build. */
class Missing extends Error {}

/** A page that is read when it is first shown. preact-iso alone would wait for ever for one that does not come. */
// biome-ignore lint/suspicious/noExplicitAny: a page may take whatever a route gives it
export function lazy<C extends ComponentType<any>>(load: () => Promise<{ default: C }>): C {
  return lazily(() =>
    load().catch((reason: unknown) => ({
      default: (() => {
        throw new Missing(String(reason));
      }) as unknown as C,
    })),
  );
}

export function PageBoundary({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  return (
    <ErrorBoundary>
      <Catcher path={path}>{children}</Catcher>
    </ErrorBoundary>
  );
}

interface CatcherProps {
  path: string; // going elsewhere leaves what went wrong
  children: ComponentChildren;
}

class Catcher extends Component<CatcherProps, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  override componentDidCatch(error: unknown) {
    if (!(error instanceof Missing)) console.error(error);
    this.setState({ error });
  }

  override componentDidUpdate(before: CatcherProps) {
    if (before.path !== this.props.path && this.state.error !== undefined) this.setState({ error: undefined });
  }

  render() {
    const { error } = this.state;
    return error === undefined ? this.props.children : <Broken error={error} />;
  }
}

function Broken({ error }: { error: unknown }) {
  const missing = error instanceof Missing;
  const connections = useRef(epoch.peek());
  useEffect(
    () => epoch.subscribe((now) => missing && now !== connections.current && location.reload()), // the server is back
    [missing],
  );
  return (
    <div class="page">
      <PageHead title={t.broken.title}>
        <p class="lead">{missing ? t.broken.missing : t.broken.mistake}</p>
      </PageHead>
      {!missing && <p class="soft mono">{error instanceof Error ? error.message : String(error)}</p>}
      <p class="row">
        <button type="button" onClick={() => location.reload()}>
          {t.broken.reload}
        </button>
        <a class="button quiet" href="/">
          {t.broken.home}
        </a>
      </p>
    </div>
  );
}
