import { PageHead } from "../components/pieces";

export function NotFound() {
  return (
    <div class="page">
      <PageHead title="Nothing hangs here">
        <p class="lead">There is no page at this address.</p>
      </PageHead>
      <p>
        <a href="/">Back to the entrance</a>
      </p>
    </div>
  );
}
