import { closeSync, openSync } from 'node:fs'

/** Checks that this process can open so many more files now. @throws the error of Node, EMFILE or ENFILE */
export function requireDescriptors(count: number): void {
  const opened: number[] = []
  try {
    while (opened.length < count) opened.push(openSync('/dev/null', 'r'))
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
