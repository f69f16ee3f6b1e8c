import { removeScratch } from './remove-scratch.ts'

/** The program that runs when a process with a scratch directory is killed. Its one argument is the directory. Users do not call it. */
void removeScratch(process.argv[2] ?? '')
