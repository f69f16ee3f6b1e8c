import { Option } from 'commander'
import { memoryAdvice } from '../../../domain/status/memory-words.ts'
import { domainStateReason } from '../../../domain/status/state-reason.ts'
import type { Verb } from '../../verb.ts'

/** `domstate DOMAIN` */
export const verb: Verb<{ readonly reason?: boolean; readonly quick?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--reason', 'also show the reason')
      .addOption(
        new Option('--quick', 'do not ask QEMU: running means that its process is there').conflicts(
          'reason',
        ),
      ),
  looks: true,
  example: 'stasis domstate web --reason',
  run: async ([domain = ''], { reason: why, quick }, { directories, signal }) => {
    const found = await domainStateReason(domain, { ...directories, signal, quick })
    const { name, reason, lastLines, image, postcopy, host, generation } = found
    const state =
      host === undefined ? found.state : `${found.state}: host '${host}', generation ${generation}`
    if (why !== true) return { text: state, json: { type: 'result', ...found } }
    const silent = reason === 'crashed' && lastLines === undefined ? WITHOUT_A_WORD : undefined
    const more = [
      lastLines,
      silent,
      image === undefined ? undefined : `Image: ${image}`,
      postcopy === undefined ? undefined : `Memory: ${memoryAdvice(postcopy, name)}`,
    ]
    const lines = [`${state} (${reason})`, ...more.filter((line) => line !== undefined)]
    return { text: lines.join('\n'), json: { type: 'result', ...found } }
  },
}

const WITHOUT_A_WORD =
  'QEMU wrote no reason: a signal ended it that leaves none, such as SIGKILL (which the kernel sends when memory runs out) or SIGSEGV'
