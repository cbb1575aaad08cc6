import { get, helm, kubectl } from '../command.ts';
import { LOOP_NAMESPACE, NAMESPACE, RELEASE, webhooks } from '../engine.ts';
import { LOOP_POLICIES } from '../request-loop.ts';

/** After `helm uninstall` no webhook configuration is left, and what was denied can be made. */
export async function uninstall(): Promise<string> {
  await helm('uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '5m');
  const left = await webhooks();
  if (left.length > 0) throw new Error(`webhook configurations are left: ${left.join(', ')}`);
  const data = ['--from-literal=verdict=deny', '--from-literal=number=0'];
  await kubectl('create', 'configmap', 'after', '-n', LOOP_NAMESPACE, ...data);
  const { items } = await get('jspolicies');
  const kept = items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  const gone = LOOP_POLICIES.filter(({ metadata }) => !kept.includes(metadata.name));
  if (gone.length > 0) throw new Error(`policies are gone: ${gone.map(({ metadata }) => metadata.name).join(', ')}`);
  return `no webhook configuration is left, objects can be created; ${kept.length} policies are kept`;
}
