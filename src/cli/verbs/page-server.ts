import { Option } from 'commander'
import type { PageServerPart } from '../../domain/page-server-process.ts'
import { runPageServer } from '../../domain/run-page-server.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly part: PageServerPart
  readonly recover?: boolean
}

/** `page-server DIRECTORY`: what `restore --mode lazy` leaves behind until all memory is there. Nobody calls it by hand. */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<directory>', 'the runtime directory of a domain')
      .addOption(
        new Option('--part <part>', 'which of the two processes')
          .choices(['supervisor', 'server'])
          .makeOptionMandatory(),
      )
      .option('--recover', 'take over from one that is gone'),
  example: 'stasis page-server /run/stasis/web --part supervisor',
  run: async ([directory = ''], flags, { signal }) => {
    await runPageServer(directory, flags.part, { recover: flags.recover === true, signal })
    return undefined
  },
}
