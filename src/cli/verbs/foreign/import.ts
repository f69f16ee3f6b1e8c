import { UsageError } from '../../../errors.ts'
import { importDomains } from '../../../domain/libvirt/import.ts'
import type { ImportOutcome } from '../../../domain/libvirt/import-options.ts'
import { connectionOf } from '../../../domain/libvirt/places.ts'
import type { Connection } from '../../../domain/store/directories.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { type LibvirtFlags, declareLibvirt, libvirtOf } from '../../options/libvirt.ts'
import { type NetworkFlags, declareNetwork } from '../../options/networks.ts'
import { errorText } from '../../reports/error.ts'
import { outcomeObject, refuseFailed } from '../../reports/several-domains.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends LibvirtFlags, Pick<AllowFlags, 'allow'>, Pick<NetworkFlags, 'network'> {
  readonly all?: boolean
  readonly fromLibvirt?: Connection | true
  readonly viaVirsh?: boolean
  readonly force?: boolean
  readonly ignoreUnsupported?: boolean
}

/** `import [NAME…]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareLibvirt(declareNetwork(declareAllow(command)))
      .argument('[name...]', 'domains that libvirt defines')
      .option('--all', 'all domains that libvirt defines')
      .option(
        '--from-libvirt [uri]',
        'which libvirt: qemu:///system (the default for root) or qemu:///session (for others)',
        libvirtOf,
      )
      .option('--via-virsh', "ask virsh, where libvirt's files cannot be read")
      .option('--force', 'take a managed save although the disks have changed since')
      .addOption(ignoreUnsupportedOption()),
  looks: (_args, { dryRun }) => dryRun === true,
  example: 'stasis import --all --dry-run',
  run: async (names, flags, { directories, signal, json, output }) => {
    const { all, fromLibvirt, viaVirsh, libvirtRoot, network: networks, ...rest } = flags
    if ((all === true) === names.length > 0)
      throw new UsageError('BAD_ARGUMENT', 'No domains were given', {
        hint: 'Give their names, or --all',
      })
    const libvirt = fromLibvirt === true ? undefined : fromLibvirt
    const outcomes = await importDomains(all === true ? undefined : names, {
      ...directories,
      ...rest,
      networks,
      signal,
      libvirt,
      libvirtRoot,
      virshUri: viaVirsh === true ? `qemu:///${connectionOf({ libvirt })}` : undefined,
      onWarning: output.warn,
      onDomain: (outcome) => {
        if (json) output.jsonProgress({ type: 'progress', ...outcomeObject(outcome) })
        else {
          for (const text of outcome.left ?? []) output.warn(text)
          if (
            outcome.error !== undefined &&
            outcome.outcome === 'not imported' &&
            names.length !== 1
          )
            output.note(`${outcome.name}: ${errorText(outcome.error, { debug: false })}`)
        }
      },
    })
    refuseFailed(outcomes, 'Not imported')
    return {
      text: outcomes.map(line).join('\n'),
      json: { type: 'result', domains: outcomes.map(outcomeObject) },
    }
  },
}

function line({ name, outcome, nvram, managedSave, autostart }: ImportOutcome): string {
  const with_ = [
    nvram === undefined ? '' : 'its UEFI variable store',
    managedSave === undefined ? '' : `its managed save (${managedSave})`,
    autostart === true ? 'autostart' : '',
  ].filter((text) => text !== '')
  if (outcome === 'unchanged') return `Domain '${name}' is here already, as libvirt defines it`
  return `Domain '${name}' ${outcome}${with_.length === 0 ? '' : ` with ${with_.join(', ')}`}`
}
