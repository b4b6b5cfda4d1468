export { runDiskTable } from './disk.ts';
export { runMatrix } from './matrix.ts';
export { document, plainTable } from './table.ts';
