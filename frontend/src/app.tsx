/** Which page an address shows. */

import { ErrorBoundary, LocationProvider, lazy, Route, Router } from "preact-iso";
import { Shell } from "./components/Shell";
import { Dataset } from "./pages/Dataset";
import { Datasets } from "./pages/Datasets";
import { Home } from "./pages/Home";
import { Inference } from "./pages/Inference";
import { Logs } from "./pages/Logs";
import { NotFound } from "./pages/NotFound";
import { Run } from "./pages/Run";
import { Runs } from "./pages/Runs";
import { Style } from "./pages/Style";
import { Train } from "./pages/Train";
import { Transfer } from "./pages/Transfer";

const Metrics = lazy(() => import("./pages/Metrics")); // with forms and tables that a first look at Atelier does without

export function App() {
  return (
    <LocationProvider>
      <Shell>
        <ErrorBoundary>
          <Router onRouteChange={() => document.getElementById("main")?.focus({ preventScroll: true })}>
            <Route path="/" component={Home} />
            <Route path="/train" component={Train} />
            <Route path="/runs" component={Runs} />
            <Route path="/runs/:id" component={Run} />
            <Route path="/datasets" component={Datasets} />
            <Route path="/datasets/:name" component={Dataset} />
            <Route path="/inference" component={Inference} />
            <Route path="/style" component={Style} />
            <Route path="/style/:id" component={Transfer} />
            <Route path="/metrics/:view?" component={Metrics} />
            <Route path="/logs/:name?" component={Logs} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Shell>
    </LocationProvider>
  );
}
