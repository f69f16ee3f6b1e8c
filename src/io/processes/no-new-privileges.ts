import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { atFirstUse } from '../at-first-use.ts'

/** A program and its arguments. */
export interface Invocation {
  readonly program: string
  readonly args: readonly string[]
}

/**
 * A command line that runs a program without the ability to gain privileges by executing another one (Linux prctl(2), PR_SET_NO_NEW_PRIVS). Node
 * cannot set that for a child, so `setpriv` of util-linux does, in whose place the program then runs; a host without it goes without.
 */
export function withoutNewPrivileges(invocation: Invocation): Invocation {
  const setpriv = findSetpriv()
  if (setpriv === undefined) return invocation
  const { program, args } = invocation
  return { program: setpriv, args: ['--no-new-privs', '--', program, ...args] }
}

const findSetpriv = atFirstUse(() => findProgram('setpriv', '/usr/bin:/bin'))

/** The path of a program in a search path; `undefined` when it is not there. */
export function findProgram(name: string, searchPath: string): string | undefined {
  const paths = isAbsolute(name)
    ? [name]
    : searchPath.split(delimiter).map((directory) => join(directory, name))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
