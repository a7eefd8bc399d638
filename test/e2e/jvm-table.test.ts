/** Every target with every verb: the right artifact, or the right refusal. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expected, judged, table, verbs } from './jvm-verbs.ts';
import { type Desk, desk, kubectl, type Place, place } from './support.ts';
import { applyTargets, type JvmTarget, targetList } from './targets.ts';

// Of that many at once the machine would make them miss deadlines.
const atOnce = Number(process.env['KPROF_AT_ONCE'] ?? 2);
// KPROF_TARGETS='jdk8|gosu' tries some.
const chosen = targetList.filter(({ name }) => new RegExp(process.env['KPROF_TARGETS'] ?? '').test(name));

type Target = (typeof targetList)[number];

let laptop: Desk;
const places: Partial<Record<JvmTarget['level'], Place>> = {};

beforeAll(() => {
  laptop = desk();
  Object.assign(places, { restricted: place('restricted'), baseline: place('baseline'), privileged: place() });
});
afterAll(() => {
  for (const each of Object.values(places)) each.remove();
  laptop?.remove();
});

const isWrong = (cell: string) => cell.startsWith('✗');

/** Its pod runs as long as it is looked at: all of them together would be half of the machine's work. */
const begin = async ({ name }: Target): Promise<void> => applyTargets([name], places);
const end = ({ name, level }: Target): void =>
  void kubectl('delete', 'pod', '-n', places[level]?.namespace ?? '', name, '--wait=false', '--grace-period=0');

/** One row: the verbs one after another, with one debug container. */
async function row(target: Target): Promise<readonly string[]> {
  const namespace = places[target.level]?.namespace ?? '';
  const cells: string[] = [];
  const flags = ['-n', namespace, '--no-open', '-c', 'app'];
  for (const verb of verbs) {
    const [tool = '', pod = '', ...more] = verb.argv(target.name);
    const attempt = async () => {
      const ended = await laptop.kprof(tool, pod, ...flags, ...more);
      const cell = await judged(verb, ended, expected(verb, target));
      if (isWrong(cell)) process.stdout.write(`${target.name} ${verb.name}: ${ended.stderr}\n`);
      return cell;
    };
    const first = await attempt();
    // What fails twice in a row is no accident of a machine that is shared, and both are shown.
    cells.push(isWrong(first) ? await attempt() : first);
  }
  return [target.name, `JDK ${target.jdk}`, ...cells];
}

it('gives what it should, or says why not', { timeout: 1_200_000, retry: 0 }, async () => {
  const queue = [...chosen];
  const rows: (readonly string[])[] = [];
  // The pod of the next one starts while this one is looked at.
  const take = () => {
    const target = queue.shift();
    if (target === undefined) return undefined;
    const runs = begin(target);
    runs.catch(() => undefined); // told when it is waited for
    return { target, runs };
  };
  const work = async () => {
    for (let next = take(); next !== undefined; ) {
      const { target, runs } = next;
      await runs;
      next = take();
      rows.push(await row(target));
      end(target);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const order = new Map<string, number>(targetList.map(({ name }, index) => [name, index]));
  rows.sort(([one = ''], [other = '']) => (order.get(one) ?? 0) - (order.get(other) ?? 0));
  const shown = table([['target', '', ...verbs.map(({ name }) => name)], ...rows]);
  process.stdout.write(`${shown}\n`);
  expect(shown).not.toContain('✗');
});
