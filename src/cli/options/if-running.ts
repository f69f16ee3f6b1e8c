import { Option } from 'commander'
import { StasisError } from '../../errors.ts'

/** The flags of `ifRunningOption`. */
export interface IfRunningFlags {
  readonly ifRunning?: boolean
}

/** `--if-running`. */
export function ifRunningOption(): Option {
  return new Option('--if-running', 'succeed without an act if the domain does not run')
}

/** The answer for a domain that does not run. */
interface NotRunning {
  readonly text: string
  readonly json: { readonly type: 'result'; readonly name: string; readonly running: false }
}

/** Does an act on a domain. With `--if-running` a domain that does not run is a success. @throws errors of `act` */
export async function ifRunning<Result>(
  domain: string,
  { ifRunning: asked }: IfRunningFlags,
  act: () => Promise<Result>,
): Promise<Result | NotRunning> {
  try {
    return await act()
  } catch (error) {
    if (asked !== true || !StasisError.is(error, 'DOMAIN_NOT_RUNNING')) throw error
    return {
      text: `Domain '${domain}' is not running`,
      json: { type: 'result', name: domain, running: false },
    }
  }
}
