/** How good pictures are: versions by their scores, a metric over training, two versions beside each other. */

import { useRoute } from "preact-iso";
import { PageHead } from "../components/pieces";
import { useQuery } from "../lib/url";
import { t } from "../strings";
import { Compare } from "./metrics-compare";
import { Leaderboard } from "./metrics-leaderboard";
import { OverTraining } from "./metrics-training";
import { NotFound } from "./NotFound";

const views = [
  { path: "/metrics", label: t.metrics.leaderboard, tab: t.metrics.title, View: Leaderboard },
  { path: "/metrics/training", label: t.metrics.training, tab: t.metrics.trainingTab, View: OverTraining },
  { path: "/metrics/compare", label: t.metrics.compare, tab: t.metrics.compareTab, View: Compare },
];

export default function Metrics() {
  const { params } = useRoute();
  const [query, change] = useQuery();
  const shown = views.find(({ path }) => path === (params.view ? `/metrics/${params.view}` : "/metrics"));
  if (!shown) return <NotFound />;
  return (
    <div class="page">
      <PageHead
        title={t.metrics.title}
        tab={t.metrics.tab(shown.tab)}
        actions={
          shown.View === Leaderboard &&
          query.measure === undefined && (
            <button type="button" onClick={() => change({ measure: "" })}>
              {t.metrics.measure}
            </button>
          )
        }
      >
        <p class="lead">{t.metrics.lead}</p>
      </PageHead>
      <nav class="tabs" aria-label={t.metrics.views}>
        {views.map(({ path, label }) => (
          <a key={path} href={path} aria-current={path === shown.path ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <shown.View />
    </div>
  );
}
