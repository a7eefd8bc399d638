/** Shows what two profiles differ in, or says how. */
import { KprofError } from '../errors.ts';
import type { Format, ViewerName } from '../formats/format.ts';
import { shellWord } from '../safe.ts';
import { type Desk, isPage, type Opened, obstacle, type Wish } from './open.ts';
import type { MakeSite, PageName } from './page/page.ts';

/** Two files of one kind, which has stacks; absolute paths. */
export interface Pair {
  readonly earlier: string;
  readonly later: string;
  readonly format: Format;
}

const viewersOf = ({ viewers }: Format): readonly PageName[] => viewers.filter(isPage);

/** Throws a KprofError when the viewer that was asked for shows no differences of this kind. */
export function checkComparing(format: Format, viewer: ViewerName | undefined): void {
  const able = viewersOf(format);
  if (viewer !== undefined && !able.some((name) => name === viewer))
    throw new KprofError('usage', `--viewer ${viewer} doesn't show how files of the kind ${format.name} differ`, {
      hint: `--viewer is one of ${able.join(', ')}`,
    });
}

async function siteOf(name: PageName, pair: Pair, desk: Desk): Promise<MakeSite> {
  if (name === 'page') {
    const { comparison } = await import('./page/compare.ts');
    return () => comparison(pair);
  }
  const { goPprof } = await import('./page/go-pprof.ts');
  return (signal) => goPprof([pair.earlier, pair.later], desk, signal);
}

/** Opens the page in the browser; where no window can be, or nobody stays for it, tells how. Throws a KprofError when it can't be shown. */
export async function openComparison(pair: Pair, desk: Desk, wish: Wish): Promise<Opened> {
  const { viewer, browser } = wish;
  checkComparing(pair.format, viewer);
  if (!browser || (desk.stays && obstacle(desk) === undefined)) {
    const { openPage } = await import('./page/page.ts');
    const name = viewer !== undefined && isPage(viewer) ? viewer : 'page';
    const served = await openPage(await siteOf(name, pair, desk), desk, wish);
    if (served !== undefined) return { kind: 'page', served };
  }
  const line = [
    'kprof diff --no-browser',
    ...(viewer === undefined ? [] : ['--viewer', viewer]),
    shellWord(pair.earlier),
    shellWord(pair.later),
  ];
  return { kind: 'how', how: `${line.join(' ')}    # gives an address, for a browser that reaches this machine` };
}
