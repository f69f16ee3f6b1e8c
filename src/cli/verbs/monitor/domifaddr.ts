import { type Command, InvalidArgumentError, Option } from 'commander'
import { printable } from '../../../errors.ts'
import { type GuestInterface, guestAddresses } from '../../../domain/guest/addresses.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly full?: boolean
  readonly source?: 'agent' | 'arp'
}

/** `domifaddr DOMAIN [INTERFACE]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareSource(command)
      .argument('<domain>', 'name, UUID or id')
      .argument('[interface]', 'only this network card of the guest')
      .option('--full', 'repeat name and MAC address in every line'),
  looks: true,
  example: 'stasis domifaddr web',
  run: async ([domain = '', wanted], { full, source }, { directories, signal, quiet }) => {
    const all = await guestAddresses(domain, { ...directories, signal, source })
    const interfaces = all.filter(({ name }) => wanted === undefined || name === wanted)
    const rows = interfaces.flatMap((card) => rowsOf(card, full === true))
    const heading = quiet ? [] : [row('Name', 'MAC address', 'Protocol', 'Address'), '-'.repeat(79)]
    return {
      text: [...heading, ...rows].join('\n'),
      json: { type: 'result', interfaces },
    }
  },
}

function declareSource(command: Command): Command {
  return command.addOption(
    new Option(
      '--source <source>',
      'agent: the guest agent (the default); arp: the neighbour table of this host',
    ).argParser((text: string) => {
      if (text === 'agent' || text === 'arp') return text
      throw new InvalidArgumentError(
        text === 'lease'
          ? "Leases are kept by libvirt's networks, which Stasis does not run: use agent or arp."
          : 'Allowed are agent and arp.',
      )
    }),
  )
}

function rowsOf({ name, mac = '', addresses }: GuestInterface, full: boolean): readonly string[] {
  if (addresses.length === 0) return [row(name, mac, 'N/A', 'N/A')]
  return addresses.map(({ type, address, prefix }, at) => {
    const shown = full || at === 0 ? [name, mac] : ['-', '-']
    return row(shown[0] ?? '', shown[1] ?? '', type, `${address}/${prefix}`)
  })
}

function row(name: string, mac: string, protocol: string, address: string): string {
  // The guest decides what they are.
  const [shownName, shownMac, shownAddress] = [name, mac, address].map(printable)
  return ` ${shownName?.padEnd(10)} ${shownMac?.padEnd(20)} ${protocol.padEnd(8)}     ${shownAddress}`
}
