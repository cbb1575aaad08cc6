import { readFileSync } from 'node:fs';
import type { ControllerConfig } from './config.ts';
import type { WebhookTarget } from './webhook-configuration.ts';

/** How the API server reaches the gateway. */
export function webhookTarget({ webhookUrl, webhookCaFile, namespace }: ControllerConfig): WebhookTarget {
  const caBundle = webhookCaFile ? readFileSync(webhookCaFile).toString('base64') : '';
  return { url: webhookUrl, namespace, caBundle };
}
