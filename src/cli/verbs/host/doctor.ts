import { examineHost } from '../../../domain/doctor/doctor.ts'
import { healthReport } from '../../reports/health.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly saveDir?: string
  readonly fix?: boolean
}

/** `doctor` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option('--fix', 'mend some findings: make the user of QEMU, correct modes')
      .option('--save-dir <dir>', 'also examine this directory as a place for images'),
  looks: (_args, { fix }) => fix !== true,
  example: 'stasis doctor --fix',
  run: async (_args, { fix, saveDir }, invocation) => {
    const { directories, signal } = invocation
    return healthReport(await examineHost({ ...directories, signal, fix, saveDir }), invocation)
  },
}
