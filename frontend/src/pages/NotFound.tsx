import { PageHead } from "../components/pieces";
import { t } from "../strings";

export function NotFound() {
  return (
    <div class="page">
      <PageHead title={t.notFound.title}>
        <p class="lead">{t.notFound.lead}</p>
      </PageHead>
      <p>
        <a href="/">{t.notFound.home}</a>
      </p>
    </div>
  );
}
