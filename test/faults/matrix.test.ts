import { runMatrix } from './matrix-run.ts';

runMatrix('fault matrix', ({ waits }) => !waits);
