import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { conforms, podManifest, podName } from '../sandbox/conformance.ts';
import { kubeconfig, kubectl, type Place, place } from './support.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const image = `${process.env['KPROF_REGISTRY'] ?? 'registry.local'}/kprof-jvm:${version}`;
let places: readonly Place[] = [];

beforeAll(() => {
  places = [place(), place('baseline'), place('restricted')];
  for (const { namespace } of places) {
    const input = JSON.stringify(podManifest(image, namespace));
    execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', '-'], { input });
    kubectl('wait', '-n', namespace, `pod/${podName}`, '--for=condition=Ready', '--timeout=60s');
  }
});
afterAll(() => {
  for (const each of places) each.remove();
});

describe('what the sandbox imitates: a cluster', () => {
  const [namespace, baseline, restricted] = [0, 1, 2].map((index) => () => places[index]?.namespace ?? '');
  conforms(() => ({ kubeconfig, namespace: namespace?.() ?? '', baseline: baseline?.() ?? '', restricted: restricted?.() ?? '' }));
});
