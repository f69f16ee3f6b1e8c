import { InternalError } from '../../../errors.ts'
import { inheritedPath } from '../../../qemu/command-line/board/memory.ts'
import type { CommandLineOptions, InheritedTap } from '../../../qemu/command-line/options.ts'
import type { OpenTaps } from '../../networks/open-taps.ts'
import type { LaunchNeeds } from './launch-needs.ts'
import type { OpenSecrets } from './open-secrets.ts'

/** A child's inherited files begin after its standard ones. */
export const FIRST_INHERITED = 3

/** The descriptors that a QEMU inherits, in the order of their numbers there. */
export class InheritedDescriptors {
  readonly #ours: (number | undefined)[] = []

  /** Appends a descriptor of ours. Returns its number in QEMU. */
  add(ours: number): number {
    return FIRST_INHERITED + this.#ours.push(ours) - 1
  }

  /** The next number in QEMU, for a descriptor that `bring` has later. */
  reserve(): number {
    return FIRST_INHERITED + this.#ours.push(undefined) - 1
  }

  bring(inQemu: number, ours: number): void {
    this.#ours[inQemu - FIRST_INHERITED] = ours
  }

  /** Ours, in that order. All that were reserved must be there. */
  get ours(): readonly number[] {
    return this.#ours.map((fd) => {
      if (fd === undefined) throw new InternalError('A descriptor for QEMU was never opened')
      return fd
    })
  }
}

/** Appends the files that a machine needs, and returns how its command line names them. */
export function inheritFiles(
  all: InheritedDescriptors,
  needs: LaunchNeeds,
  opened: {
    readonly taps: OpenTaps['taps'] | undefined
    readonly secrets: OpenSecrets['files'] | undefined
  },
): Required<Pick<CommandLineOptions, 'memoryFiles' | 'secretFiles'>> & {
  readonly taps: ReadonlyMap<number, InheritedTap>
} {
  for (const fd of needs.inherited) all.add(fd)
  const add = (fd: number): number => all.add(fd)
  return {
    memoryFiles: mapValues(needs.memory, ({ fd, ...file }) => ({
      ...file,
      path: inheritedPath(add(fd)),
    })),
    taps: mapValues(opened.taps, ({ fds, vhostFds }) => ({
      fds: fds.map(add),
      vhostFds: vhostFds.map(add),
    })),
    secretFiles: mapValues(opened.secrets, (fd) => inheritedPath(add(fd))),
  }
}

function mapValues<Key, Value, Result>(
  map: ReadonlyMap<Key, Value> | undefined,
  change: (value: Value) => Result,
): ReadonlyMap<Key, Result> {
  return new Map([...(map ?? [])].map(([key, value]) => [key, change(value)]))
}
