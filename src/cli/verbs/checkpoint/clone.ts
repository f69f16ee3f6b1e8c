import { UsageError } from '../../../errors.ts'
import { cloneLive } from '../../../domain/checkpoint/clones/clone-live.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { formatBytes, formatDuration } from '../../terminal/quantity.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends ResumeFlags {
  readonly live?: boolean
  readonly diskOverlay?: string
  readonly memoryDirectory?: string
}

/** `clone DOMAIN --live NAME…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareResumeAs(
      command
        .argument('<domain>', 'name, UUID or id of a domain that runs')
        .argument('<names...>', 'the names of the clones')
        .option('--live', 'clone it while it runs; it continues after a short stop')
        .option(
          '--disk-overlay <dir>',
          'directory for the overlays of the clones (default: beside the disks)',
        )
        .option(
          '--memory-directory <dir>',
          'a directory on a tmpfs, for the memory that the clones share (default: /dev/shm)',
        ),
    ),
  example: 'stasis clone web --live web-1 web-2',
  run: async ([domain = '', ...names], flags, invocation) => {
    const { directories, signal, output } = invocation
    if (flags.live !== true)
      throw new UsageError(
        'BAD_COMBINATION',
        'Only a domain that runs is cloned: also give --live',
        {
          hint: '`stasis restore FILE --clone NAME` makes a clone of a saved one',
        },
      )
    using display = new ProgressDisplay(invocation)
    const result = await cloneLive(domain, names, {
      ...directories,
      overlays: flags.diskOverlay,
      memoryDirectory: flags.memoryDirectory,
      resumeAs: resumeAs(flags),
      signal,
      onWarning: output.warn,
      onProgress: display.show,
    })
    const { clones, pauseMs, sharedBytes, totalMs } = result
    const memory =
      sharedBytes > 0
        ? `They share ${formatBytes(sharedBytes)} of memory until they write to it`
        : 'Each has memory of its own'
    const text = [
      `Domain '${result.domain}' cloned as ${clones.map(({ name }) => `'${name}'`).join(', ')}`,
      `It was stopped for ${formatDuration(pauseMs)}; the clones run after ${formatDuration(totalMs)}. ${memory}`,
    ].join('\n')
    return { text, json: { type: 'result', ...result } }
  },
}
