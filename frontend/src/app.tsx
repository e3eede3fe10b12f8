/** Which page an address shows. Every page but Home comes when it is first asked for. */

import { LocationProvider, Route, Router } from "preact-iso";
import { lazy, PageBoundary } from "./components/PageBoundary";
import { arrive, Shell } from "./components/Shell";
import { Home } from "./pages/Home";
import { NotFound } from "./pages/NotFound";

const Train = lazy(() => import("./pages/Train"));
const Runs = lazy(() => import("./pages/Runs"));
const Run = lazy(() => import("./pages/Run"));
const Inference = lazy(() => import("./pages/Inference"));
const Models = lazy(() => import("./pages/Models"));
const Model = lazy(() => import("./pages/Model"));
const Version = lazy(() => import("./pages/Version"));
const Style = lazy(() => import("./pages/Style"));
const Transfer = lazy(() => import("./pages/Transfer"));
const Datasets = lazy(() => import("./pages/Datasets"));
const Dataset = lazy(() => import("./pages/Dataset"));
const Metrics = lazy(() => import("./pages/Metrics"));
const Logs = lazy(() => import("./pages/Logs"));
const Settings = lazy(() => import("./pages/Settings"));

export function App() {
  return (
    <LocationProvider>
      <Shell>
        <PageBoundary>
          <Router onRouteChange={arrive}>
            <Route path="/" component={Home} />
            <Route path="/train" component={Train} />
            <Route path="/runs" component={Runs} />
            <Route path="/runs/:id" component={Run} />
            <Route path="/inference" component={Inference} />
            <Route path="/models" component={Models} />
            <Route path="/models/:name" component={Model} />
            <Route path="/models/:name/:version" component={Version} />
            <Route path="/style" component={Style} />
            <Route path="/style/:id" component={Transfer} />
            <Route path="/datasets" component={Datasets} />
            <Route path="/datasets/:name" component={Dataset} />
            <Route path="/metrics/:view?" component={Metrics} />
            <Route path="/logs/:name?" component={Logs} />
            <Route path="/settings" component={Settings} />
            <Route default component={NotFound} />
          </Router>
        </PageBoundary>
      </Shell>
    </LocationProvider>
  );
}
