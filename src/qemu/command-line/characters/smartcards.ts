import type { SmartCard } from '../../domain-xml/model/characters/smartcard.ts'
import { device, type Properties } from '../arguments.ts'
import { chardev } from './chardev.ts'
import type { CommandLineOptions } from '../options.ts'
import { addressOf, type Wiring } from '../buses/wiring.ts'

/** Readers of smart cards, which are USB devices. They come after the hubs that they may be behind. */
export function cardReaderArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.controllers
    .filter(({ type }) => type === 'ccid')
    .flatMap((reader) =>
      device({
        driver: 'usb-ccid',
        id: wiring.controllerId(reader),
        ...wiring.address(reader),
      }),
    )
}

/** Smart cards. */
export function smartCardArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.smartCards.flatMap((card, at) => {
    const id = wiring.idOf(card, `smartcard${at}`)
    const { controller } = addressOf(card, 'ccid')
    const reader = wiring.controllerId(wiring.controller('ccid', controller, card))
    return [
      ...(card.mode === 'passthrough' ? chardev(card.backend, id, card, options, 'smartcard') : []),
      ...device({ ...properties(card, id), id, bus: `${reader}.0` }),
    ]
  })
}

function properties(card: SmartCard, id: string): Properties {
  switch (card.mode) {
    case 'host':
      return { driver: 'ccid-card-emulated', backend: 'nss-emulated' }
    case 'host-certificates': {
      const [cert1, cert2, cert3] = card.certificates
      const certificates = { cert1, cert2, cert3, db: card.database }
      return { driver: 'ccid-card-emulated', backend: 'certificates', ...certificates }
    }
    case 'passthrough':
      return { driver: 'ccid-card-passthru', chardev: `char${id}` }
  }
}
