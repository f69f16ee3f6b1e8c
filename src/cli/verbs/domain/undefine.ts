import { Option } from 'commander'
import { UsageError } from '../../../errors.ts'
import { undefineDomain } from '../../../domain/lifecycle/undefine.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

interface Flags extends TakeOverFlags {
  readonly managedSave?: boolean
  readonly tpm?: boolean
  readonly nvram?: boolean
  readonly snapshotsMetadata?: boolean
  readonly checkpointsMetadata?: boolean
  readonly keepNvram?: boolean
  readonly removeAllStorage?: boolean
  readonly storage?: string
  readonly wipeStorage?: boolean
  readonly deleteStorageVolumeSnapshots?: boolean
}

/** `undefine DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--managed-save', 'also delete the managed save')
      .addOption(
        new Option(
          '--nvram',
          'also delete the variables of its UEFI firmware; a domain with such a file needs this or --keep-nvram',
        ).conflicts('keepNvram'),
      )
      .option('--keep-nvram', 'keep the variables of its UEFI firmware')
      .addOption(new Option('--tpm', 'also delete the state of its TPM').conflicts('keepTpm'))
      .option('--keep-tpm', 'keep the state of its TPM, as without this option')
      .addOption(takeOverOption())
      .option('--snapshots-metadata', 'the same as --checkpoints-metadata')
      .option(
        '--checkpoints-metadata',
        'also forget its checkpoints and delete their memory; the files of its disks stay',
      )
      .addOption(new Option('--remove-all-storage').hideHelp())
      .addOption(new Option('--storage <volumes>').hideHelp())
      .addOption(new Option('--wipe-storage').hideHelp())
      .addOption(new Option('--delete-storage-volume-snapshots').hideHelp()),
  example: 'stasis undefine web',
  run: async ([domain = ''], flags, { directories, signal, output }) => {
    refuseStorage(domain, flags)
    const { managedSave, tpm } = flags
    const { name } = await undefineDomain(domain, {
      ...directories,
      signal,
      takeOver: flags.takeOver,
      managedSave,
      tpm,
      checkpoints: flags.snapshotsMetadata ?? flags.checkpointsMetadata,
      nvram: flags.keepNvram === true ? false : flags.nvram,
      onWarning: output.warn,
    })
    return { text: `Domain '${name}' has been undefined`, json: { type: 'result', name } }
  },
}

function refuseStorage(domain: string, flags: Flags): void {
  const { storage, removeAllStorage, wipeStorage, deleteStorageVolumeSnapshots } = flags
  if ((storage ?? removeAllStorage ?? wipeStorage ?? deleteStorageVolumeSnapshots) === undefined)
    return
  throw new UsageError(
    'BAD_COMBINATION',
    'Stasis deletes no disks: virsh does, with --storage and --remove-all-storage',
    { hint: `\`stasis domblklist ${domain}\` lists them` },
  )
}
