import { type Command, Option } from 'commander'
import type { ManagedSaveChoice } from '../../domain/libvirt/managed-save-choice.ts'
import type { Connection } from '../../domain/store/directories.ts'
import { connectionIn } from './connection.ts'

/** The options of verbs that move domains between libvirt and Stasis. */
export interface LibvirtFlags {
  readonly libvirtRoot?: string
  readonly managedSave?: ManagedSaveChoice
  readonly replace?: boolean
  readonly dryRun?: boolean
}

/** Adds them. */
export function declareLibvirt(command: Command): Command {
  return command
    .option('--libvirt-root <dir>', "the root before libvirt's paths (default: /)")
    .addOption(
      new Option(
        '--managed-save <what>',
        'move, copy or leave a managed save, which only one side may resume',
      ).choices(['move', 'copy', 'leave']),
    )
    .option('--replace', 'replace an existing definition')
    .option('--dry-run', 'only show what would be done')
}

/** The libvirt that a URI means. */
export function libvirtOf(uri: string): Connection {
  return connectionIn(uri, 'Give qemu:///system or qemu:///session.')
}
