import { setTimeout as delay } from 'node:timers/promises'
import { StasisError } from '../../errors.ts'
import type { Directories } from '../store/directories.ts'
import { HeldDomain } from './held-domain.ts'

const LOOK_MS = 100

/** What is done to a domain once no other command works on it. */
export interface OnceFree {
  /** Asked before each attempt: the other command may have done it. Default: it is always left. */
  readonly isLeft?: (() => Promise<boolean>) | undefined
  /** Default: to take the domain, which reconciles it, is all. */
  readonly act?: ((held: HeldDomain) => Promise<void>) | undefined
}

/** Takes a domain for a process that nobody waits for, and waits for that while another command works on it, however long that takes. @throws StasisError */
export async function onceFree(
  name: string,
  verb: string,
  directories: Directories,
  { isLeft = async () => true, act = async () => undefined }: OnceFree = {},
): Promise<void> {
  while (await isLeft()) {
    try {
      await using held = await HeldDomain.named(name, verb, directories)
      await act(held)
      return
    } catch (error) {
      if (!StasisError.is(error, 'DOMAIN_BUSY')) throw error
      await delay(LOOK_MS)
    }
  }
}
