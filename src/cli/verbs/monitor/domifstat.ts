import { interfaceStatistics } from '../../../domain/statistics/device-statistics.ts'
import type { Verb } from '../../verb.ts'

/** `domifstat DOMAIN INTERFACE` */
export const verb: Verb = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('<interface>', 'a network card: its device on this host, or its MAC address'),
  looks: true,
  example: 'stasis domifstat web vnet0',
  run: async ([domain = '', card = ''], _flags, { directories, signal }) => {
    const found = await interfaceStatistics(domain, card, { ...directories, signal })
    const statistics = {
      rx_bytes: found.rxBytes,
      rx_packets: found.rxPackets,
      rx_errs: found.rxErrors,
      rx_drop: found.rxDropped,
      tx_bytes: found.txBytes,
      tx_packets: found.txPackets,
      tx_errs: found.txErrors,
      tx_drop: found.txDropped,
    }
    const lines = Object.entries(statistics).map(([name, value]) => `${card} ${name} ${value}`)
    return {
      text: lines.join('\n'),
      json: { type: 'result', device: found.device, ...statistics },
    }
  },
}
