import { fstatSync, statSync } from 'node:fs'
import type { Output } from '../terminal/output.ts'

const STDOUT = 1

/** The path of a new image that a verb was given; `-` is standard output. If the image goes there, the report of the verb goes to standard error. */
export function imageFile(given: string, output: Output): string {
  const path = given === '-' ? '/dev/stdout' : given
  if (isStandardOutput(path)) output.leaveStandardOutput()
  return path
}

function isStandardOutput(path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false })
  if (named === undefined) return false
  try {
    const { dev, ino } = fstatSync(STDOUT)
    return named.dev === dev && named.ino === ino
  } catch {
    // It is closed.
    return false
  }
}
