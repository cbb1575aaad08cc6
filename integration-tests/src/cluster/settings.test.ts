import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

const KNOWN = ['install', 'kill', 'scale', 'upgrade'];
const ENV = { KUBECONFIG: '/kubeconfig' };

test('without arguments every scenario is run, in images that are built', () => {
  expect(readSettings([], ENV, KNOWN)).toEqual({
    scenarios: KNOWN,
    images: undefined,
    tag: undefined,
    natsReplicas: 3,
    keep: false,
    loadImage: undefined,
    nodePower: undefined,
    kubeconfig: '/kubeconfig',
  });
});

test.each([
  ['a scenario that is none', ['--scenario', 'kil'], {}, 'no scenario kil; there are install, kill, scale, upgrade'],
  [
    'a scenario after the one that leaves another engine',
    ['--scenario', 'upgrade', '--scenario', 'kill'],
    {},
    'upgrade must be the last scenario',
  ],
  ['servers of NATS that are no number', ['--nats', 'two'], {}, '--nats is two: give 1 or 3'],
  ['images without their tag', ['--images', 'images'], {}, '--images and --tag belong together'],
  ['a tag without images', ['--tag', 'dev'], {}, '--images and --tag belong together'],
  ['an option that is none', ['--help'], {}, "Unknown option '--help'"],
  ['a node that cannot come back', [], { JSPOLICY_LOSE_NODE: 'lose' }, 'belong together'],
  ['no cluster', [], { KUBECONFIG: '' }, 'KUBECONFIG must name the cluster'],
])('is refused: %s', (_, args, env, message) => {
  expect(() => readSettings(args, { ...ENV, ...env }, KNOWN)).toThrow(message);
});
