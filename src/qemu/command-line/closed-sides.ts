import type { CharacterBackend } from '../domain-xml/model/character.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import type { Graphics } from '../domain-xml/model/graphics.ts'
import type { SmartCard } from '../domain-xml/model/smartcard.ts'
import type { ProbedQemu } from '../probed-qemu.ts'
import { AUDIO_DRIVERS } from './audio.ts'
import { CHARDEV_CERTIFICATES } from './chardev.ts'
import { SPICE_CERTIFICATES } from './spice.ts'

/** What a host offers to the host's side of devices. */
export interface HostOffer {
  readonly probed: Pick<ProbedQemu, 'chardevs' | 'audioDrivers'>
  /** Whether a directory has the certificates of a server. */
  readonly hasCertificates: (directory: string) => boolean
}

/** A domain whose devices are connected only to what the host has. */
export interface ClosedDomain {
  readonly domain: Domain
  /** What is closed, and why, a sentence for each reason. */
  readonly closed: readonly string[]
}

/**
 * Connects devices to nothing where this QEMU or host lacks the other side: SPICE, D-Bus, sound, certificates. The guest keeps every device, and an image
 * of it loads as well.
 */
export function closeHostSides(domain: Domain, offer: HostOffer): ClosedDomain {
  const closed = new Set<string>()
  const graphics = domain.graphics.filter((one) => {
    const reason = reasonAgainst(one, offer)
    if (reason !== undefined) closed.add(`the display is not served: ${reason}`)
    return reason === undefined
  })
  const spice = graphics.some(({ type }) => type === 'spice')
  const hadSpice = domain.graphics.some(({ type }) => type === 'spice')
  const side = (backend: CharacterBackend): CharacterBackend => {
    const { type } = backend
    const own = type === 'spicevmc' || type === 'spiceport'
    const reason =
      own && !spice
        ? 'there is no SPICE server'
        : !isKnown(backend, offer)
          ? `this QEMU has no ${type}`
          : type === 'tcp' && backend.tls && !offer.hasCertificates(CHARDEV_CERTIFICATES)
            ? `there are no certificates in ${CHARDEV_CERTIFICATES}`
            : undefined
    if (reason === undefined) return backend
    // The missing server is a reason of its own.
    if (!own || !hadSpice) closed.add(`devices of type ${type} are connected to nothing: ${reason}`)
    return { ...backend, type: 'null' }
  }
  const port = <Port extends { readonly backend: CharacterBackend }>(one: Port): Port => ({
    ...one,
    backend: side(one.backend),
  })
  return {
    domain: {
      ...domain,
      graphics,
      serials: domain.serials.map(port),
      consoles: domain.consoles.map(port),
      channels: domain.channels.map(port),
      redirectedDevices: domain.redirectedDevices.map(port),
      smartCards: domain.smartCards.map((card): SmartCard =>
        card.mode === 'passthrough' ? port(card) : card,
      ),
      audios: domain.audios.map((audio) => {
        const driver = AUDIO_DRIVERS[audio.type]
        const has = audio.type === 'spice' ? spice : offer.probed.audioDrivers.includes(driver)
        if (has || audio.type === 'none') return audio
        if (audio.type !== 'spice') closed.add(`sound is discarded: this QEMU has no ${audio.type}`)
        return { ...audio, type: 'none' }
      }),
    },
    closed: [...closed],
  }
}

/** Why a display cannot be served; `undefined` when it can. */
function reasonAgainst(graphics: Graphics, offer: HostOffer): string | undefined {
  if (graphics.type !== 'spice') return undefined
  if (!offer.probed.chardevs.includes('spicevmc'))
    return 'this QEMU has no SPICE. The guest keeps its devices, connected to nothing'
  const { tlsPort, defaultMode, channels } = graphics
  const secure = defaultMode === 'secure' || channels.some(({ mode }) => mode === 'secure')
  if ((tlsPort === undefined && !secure) || offer.hasCertificates(SPICE_CERTIFICATES))
    return undefined
  return `it needs TLS, and there are no certificates in ${SPICE_CERTIFICATES}. The guest keeps its devices, connected to nothing`
}

/** Kinds of character device that not every QEMU has. */
const OPTIONAL: readonly CharacterBackend['type'][] = [
  'spicevmc',
  'spiceport',
  'qemu-vdagent',
  'dbus',
]

function isKnown({ type }: CharacterBackend, { probed }: HostOffer): boolean {
  return !OPTIONAL.includes(type) || probed.chardevs.includes(type)
}
