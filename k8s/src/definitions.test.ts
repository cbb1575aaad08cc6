import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type KubeApiServer, kubeForTest, kubeRequest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const CRDS = resolve(import.meta.dirname, '../crds');
const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const files = await readdir(CRDS);

let kube: KubeApiServer;
beforeAll(async () => {
  kube = await kubeForTest();
});
afterAll(() => kube?.stop());

test.each(files)('%s has no field that the API server does not know', async (file) => {
  const definition = parse(await readFile(join(CRDS, file), 'utf8'));
  const { status, body, headers } = await kubeRequest(kube, 'POST', `${PATH}?fieldValidation=Strict`, definition);
  expect({ status, body, warning: headers.warning }).toMatchObject({ status: 201, warning: undefined });
});

test.each(files)('descriptions of %s end where their sentence ends', async (file) => {
  const cut: unknown[] = [];
  JSON.parse(JSON.stringify(parse(await readFile(join(CRDS, file), 'utf8'))), (key, value) => {
    if (key === 'description' && typeof value === 'string' && !/[.)]$/.test(value)) cut.push(value);
    return value;
  });
  expect(cut).toEqual([]);
});
