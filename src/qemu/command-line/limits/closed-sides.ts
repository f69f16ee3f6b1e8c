import type { Audio } from '../../domain-xml/model/screen-and-sound/audio.ts'
import type { CharacterBackend } from '../../domain-xml/model/characters/character.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Graphics } from '../../domain-xml/model/screen-and-sound/graphics.ts'
import type { SmartCard } from '../../domain-xml/model/characters/smartcard.ts'
import type { ListedOption } from '../../probe/help-output.ts'
import { AUDIO_DRIVERS } from '../screen-and-sound/audio.ts'
import { CHARDEV_CERTIFICATES } from '../characters/chardev.ts'
import { SPICE_CERTIFICATES } from '../screen-and-sound/spice.ts'

/** The other sides that a host offers to devices. */
export interface HostOffer {
  /** The answer of this QEMU to a question for help with an option. */
  readonly help: (option: ListedOption) => Promise<ReadonlySet<string>>
  /** Whether the host has this render node of its graphics processor, or any. */
  readonly hasRenderNode: (path: string | undefined) => boolean
  /** Whether a directory has the certificates of a server. */
  readonly hasCertificates: (directory: string) => boolean
}

/** A domain whose devices are connected only to sides that the host has. */
export interface ClosedDomain {
  readonly domain: Domain
  /** The closed sides, a sentence for each reason. */
  readonly closed: readonly string[]
}

/**
 * Connects devices to nothing where this QEMU or host lacks the other side: SPICE, D-Bus, sound, certificates. The guest keeps every device, and an image
 * of it loads as well.
 */
export async function closeHostSides(domain: Domain, offer: HostOffer): Promise<ClosedDomain> {
  return close(domain, { ...offer, has: await askFor(domain, offer) })
}

/** The optional features of a QEMU. */
type Optional = Graphics['type'] | 'qemu-vdagent' | Audio['type']

interface Known extends Omit<HostOffer, 'help'> {
  readonly has: ReadonlySet<Optional>
}

/** Asks only about the features that the domain uses, because each question runs QEMU. */
async function askFor(domain: Domain, { help }: HostOffer): Promise<ReadonlySet<Optional>> {
  const has = new Set<Optional>(['none'])
  const backends = backendsOf(domain).map(({ type }) => type)
  if (domain.graphics.some(({ type }) => type === 'spice') && (await help('-spice')).has('addr'))
    has.add('spice')
  if (backends.includes('qemu-vdagent') && (await help('-chardev')).has('qemu-vdagent'))
    has.add('qemu-vdagent')
  if (backends.includes('dbus') && (await help('-display')).has('dbus')) has.add('dbus')
  for (const { type } of domain.graphics)
    if (type === 'vnc' || (type !== 'spice' && (await help('-display')).has(type))) has.add(type)
  for (const { type } of domain.audios)
    if (type !== 'none' && type !== 'spice' && (await help('-audiodev')).has(AUDIO_DRIVERS[type]))
      has.add(type)
  return has
}

function backendsOf(domain: Domain): readonly CharacterBackend[] {
  const { serials, consoles, channels, redirectedDevices, smartCards } = domain
  const { parallels, guestForwards } = domain
  const cards = smartCards.flatMap((card) => (card.mode === 'passthrough' ? [card] : []))
  const ports = [...serials, ...consoles, ...channels, ...parallels, ...guestForwards]
  return [...ports, ...redirectedDevices, ...cards].map(({ backend }) => backend)
}

function close(domain: Domain, offer: Known): ClosedDomain {
  const closed = new Set<string>()
  const withoutGl = (one: Graphics): Graphics => {
    if (one.type !== 'spice' || !one.gl || offer.hasRenderNode(one.renderNode)) return one
    closed.add(`SPICE does not use OpenGL: ${NO_RENDER_NODE}`)
    return { ...one, gl: false }
  }
  const graphics = domain.graphics.map(withoutGl).filter((one) => {
    const reason = reasonAgainst(one, offer)
    if (reason !== undefined) closed.add(`the display is not served: ${reason}`)
    return reason === undefined
  })
  const bus = graphics.some(({ type }) => type === 'dbus')
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
          : type === 'dbus' && !bus
            ? 'there is no D-Bus display'
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
      parallels: domain.parallels.map(port),
      guestForwards: domain.guestForwards.map(port),
      redirectedDevices: domain.redirectedDevices.map(port),
      smartCards: domain.smartCards.map((card): SmartCard =>
        card.mode === 'passthrough' ? port(card) : card,
      ),
      audios: domain.audios.map((audio) => {
        if (audio.type === 'spice' ? spice : offer.has.has(audio.type)) return audio
        if (audio.type !== 'spice') closed.add(`sound is discarded: this QEMU has no ${audio.type}`)
        return { ...audio, type: 'none' }
      }),
    },
    closed: [...closed],
  }
}

/** Why a display cannot be served; `undefined` when it can. */
function reasonAgainst(graphics: Graphics, offer: Known): string | undefined {
  if (graphics.type === 'vnc') return undefined
  if (graphics.type !== 'spice') return reasonAgainstLocal(graphics, offer)
  if (!offer.has.has('spice'))
    return 'this QEMU has no SPICE. The guest keeps its devices, connected to nothing'
  const { tlsPort, defaultMode, channels } = graphics
  const secure = defaultMode === 'secure' || channels.some(({ mode }) => mode === 'secure')
  if ((tlsPort === undefined && !secure) || offer.hasCertificates(SPICE_CERTIFICATES))
    return undefined
  return `it needs TLS, and there are no certificates in ${SPICE_CERTIFICATES}. The guest keeps its devices, connected to nothing`
}

/** A display of this host itself. Without a bus of its own, D-Bus needs clients that come by QMP. */
function reasonAgainstLocal(
  graphics: Exclude<Graphics, { readonly type: 'vnc' | 'spice' }>,
  { has, hasRenderNode }: Known,
): string | undefined {
  const { type } = graphics
  if (!has.has(type)) return `this QEMU has no ${type}`
  if (type === 'sdl')
    return graphics.display === undefined ? 'the XML names no display of X' : undefined
  if (type === 'dbus' && !graphics.peerToPeer && graphics.bus === undefined)
    return 'the XML names no message bus'
  if (type === 'dbus' && !graphics.gl) return undefined
  return hasRenderNode(graphics.renderNode) ? undefined : NO_RENDER_NODE
}

const NO_RENDER_NODE = 'this host has no render node of a graphics processor'

/** D-Bus and the agent are parts of QEMU that a build may lack. */
function isKnown({ type }: CharacterBackend, { has }: Known): boolean {
  return (type !== 'dbus' && type !== 'qemu-vdagent') || has.has(type)
}
