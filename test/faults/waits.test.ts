/** What of the matrix is noticed after a minute only: in a file of its own, so that nothing else waits for it. */
import { runMatrix } from './matrix-run.ts';

runMatrix('fault matrix, what waits', ({ waits }) => waits);
