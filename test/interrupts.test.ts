import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Interrupts, interrupts } from '../src/interrupts.ts';
import { recorder } from './support/recorder.ts';

let signals: Interrupts;
const open = () => {
  const report = recorder();
  signals = interrupts(report);
  return report;
};
const state = () => ({ early: signals.stops.early.aborted, abort: signals.stops.abort.aborted });
afterEach(() => signals.close());

describe('interrupts', () => {
  it('gives up at once while nothing runs that could be kept', () => {
    open();
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: true });
    expect(signals.stops.early.reason).toMatchObject({ failure: 'interrupted' });
  });

  it('stops early first and gives up second while something can be kept', () => {
    const { said } = open();
    signals.capturing('keeps');
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: false });
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: true });
    expect(said).toEqual([expect.stringContaining('keeping'), expect.stringContaining('Giving up')]);
  });

  it('leaves first and gives up second what is finished', () => {
    const { said } = open();
    signals.capturing('leaves');
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: false });
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: true });
    expect(said).toEqual([expect.stringContaining('in the pod'), expect.stringContaining('Giving up')]);
  });

  it('says what giving up means where there is nothing to clean up', () => {
    const report = recorder();
    signals = interrupts(report, 'Stopping.');
    process.emit('SIGINT');
    expect(report.said).toEqual(['note: Stopping.']);
  });

  it('gives up at once where an early end would lose all', () => {
    open();
    signals.capturing('loses');
    process.emit('SIGINT');
    expect(state()).toEqual({ early: true, abort: true });
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('gives up with %s', (signal) => {
    open();
    signals.capturing('keeps');
    process.emit(signal);
    expect(state()).toEqual({ early: true, abort: true });
    expect(signals.stops.abort.reason).toMatchObject({ failure: 'terminated' });
  });

  it.each([
    [['SIGINT', 'SIGINT'], 130],
    [['SIGTERM'], 143],
    [['SIGHUP'], 143],
  ] as const)('leaves what is here and not checked, with %j', async (pressed, code) => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never);
    const { said } = open();
    signals.capturing('is here');
    for (const signal of pressed) process.emit(signal);
    expect(said.at(-1)).toMatch(/kprof resume/);
    await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(code));
    // Until then it goes on: it may be finished yet.
    expect(state()).toEqual({ early: false, abort: false });
    exit.mockRestore();
    process.exitCode = undefined;
  });

  it('cleans up before it leaves what is here and not checked, but for who presses twice', async () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never);
    const { said } = open();
    signals.capturing('lets go');
    process.emit('SIGINT');
    expect(said.at(-1)).toMatch(/the pod is being cleaned up/);
    expect(state()).toEqual({ early: false, abort: false });
    process.emit('SIGTERM');
    expect(state()).toEqual({ early: true, abort: true });
    expect(exit).not.toHaveBeenCalled();
    process.emit('SIGINT');
    await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(130));
    exit.mockRestore();
    process.exitCode = undefined;
  });

  it('listens no more once closed', () => {
    const before = process.listenerCount('SIGINT');
    open();
    signals.close();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
