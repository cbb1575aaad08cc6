import { describe, expect, it } from 'vitest';
import { HOST_CALLS, hostCallsIn } from './host-calls.ts';

const HIDING = [
  'this["sle" + "ep"](1)',
  'const o = this; o["sle" + "ep"](1)',
  'const { [k]: f } = this; f(1)',
  'globalThis[k](1)',
  'Reflect.get(x, k)(1)',
  'with (x) { y() }',
  'this["\\x73leep"](1)',
  '(() => {})["constr" + "uctor"]; eval(x)',
];

describe('host functions that a script may call', () => {
  it.each(HIDING)('%s may call any', (script) => expect(hostCallsIn(script)).toEqual([...HOST_CALLS]));

  it('are those that it names when it hides none', () => {
    expect(hostCallsIn('(function () { this.x = 1; get("Pod") }).call(this)')).toEqual(['get']);
    expect(hostCallsIn('deny("x")')).toEqual([]);
  });
});
