import type { ApiServerCluster } from '@jspolicy/kube';
import type { Ledger } from './ledger.ts';
import type { Denial, LoopResult } from './request-loop.ts';
import { deleteEverything, whenTheSpoolWentToo, whileNobodyIsThere } from './scenarios/all-gone.ts';
import { renewCertificate } from './scenarios/certificate.ts';
import { changePolicy } from './scenarios/changes.ts';
import { drainNode } from './scenarios/drain.ts';
import { inFlightOnOneGateway, killEach } from './scenarios/kill.ts';
import { renewNatsCertificates } from './scenarios/nats-certificates.ts';
import { loseNode, whileTheNodeIsLost } from './scenarios/node-loss.ts';
import { restartAll } from './scenarios/restart.ts';
import { scaleEvaluators } from './scenarios/scale.ts';
import { uninstall } from './scenarios/uninstall.ts';
import { upgradeFormer } from './scenarios/upgrade.ts';
import type { Settings } from './settings.ts';

export interface Scenario {
  /** Requests run meanwhile. */
  loop: boolean;
  /** Seconds that it may take. */
  boundSeconds: number;
  run(context: ScenarioContext): Promise<string>;
  /** What is wrong with requests that were refused because nobody judged them; not given: each of them is. */
  judgeRefusals?(refused: LoopResult['refused'], context: ScenarioContext): string;
  /** Whether the record may lack this denial, as docs/high-availability.md says; not given: it has each. */
  recordMayLack?(denial: Denial, context: ScenarioContext): boolean;
}

export interface ScenarioContext {
  cluster: ApiServerCluster;
  ledger: Ledger;
  /** Of the images. */
  tag: string;
  natsReplicas: number;
  nodePower: Settings['nodePower'];
  /** When things happened, by their names; ms since 1970. */
  moments: Map<string, number>;
  note(line: string): void;
}

/** Beside the installation, which comes first always. */
export const SCENARIOS: Record<string, Scenario> = {
  scale: { loop: true, boundSeconds: 240, run: scaleEvaluators },
  restart: { loop: true, boundSeconds: 720, run: restartAll },
  kill: { loop: true, boundSeconds: 480, run: killEach, judgeRefusals: inFlightOnOneGateway },
  'all-gone': {
    loop: true,
    boundSeconds: 300,
    run: deleteEverything,
    judgeRefusals: whileNobodyIsThere,
    recordMayLack: whenTheSpoolWentToo,
  },
  drain: { loop: true, boundSeconds: 420, run: drainNode },
  'node-loss': { loop: true, boundSeconds: 900, run: loseNode, judgeRefusals: whileTheNodeIsLost },
  certificate: { loop: true, boundSeconds: 480, run: renewCertificate },
  'nats-certificates': { loop: true, boundSeconds: 900, run: renewNatsCertificates },
  changes: { loop: true, boundSeconds: 240, run: changePolicy },
  uninstall: { loop: false, boundSeconds: 180, run: uninstall },
  // With requests of its own, which nobody counts but it.
  upgrade: { loop: false, boundSeconds: 600, run: upgradeFormer },
};
