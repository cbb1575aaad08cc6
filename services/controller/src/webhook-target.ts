import type { CertificateParts } from './certificate/trust-authorities.ts';
import type { ControllerConfig } from './config.ts';
import type { LeaderParts } from './leader.ts';

/** How the API server reaches the gateway. */
export function webhookTarget({
  webhookUrl,
  serviceName,
  injectCaFrom,
  namespace,
  exemptNamespaces,
}: ControllerConfig): LeaderParts['target'] {
  return { url: webhookUrl, service: serviceName, namespace, exemptNamespaces, injectCaFrom };
}

/** Who keeps the serving certificate: whoever says what to trust, or this controller where there is an API server. */
export function certificateParts(config: ControllerConfig): CertificateParts {
  const { webhookCaFile, injectCaFrom, keepCertificate, manifestsDir } = config;
  if (webhookCaFile) return { keep: 'file', file: webhookCaFile };
  if (injectCaFrom || manifestsDir || !keepCertificate) return { keep: 'nothing' };
  const { certificateSeconds, certificateSettleSeconds } = config;
  return { keep: 'secret', lifeMs: certificateSeconds * 1000, settleMs: certificateSettleSeconds * 1000 };
}
