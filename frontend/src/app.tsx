/** Which page an address shows. */

import { LocationProvider, Route, Router } from "preact-iso";
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

export function App() {
  return (
    <LocationProvider>
      <Shell>
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
          <Route path="/logs/:name?" component={Logs} />
          <Route default component={NotFound} />
        </Router>
      </Shell>
    </LocationProvider>
  );
}
