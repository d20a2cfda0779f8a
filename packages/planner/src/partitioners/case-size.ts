import type { Search } from './search.ts'

const SMALL_CUTS = 12
/** Rooms of up to so many devices can be planned thoroughly (`limits.thorough`). */
export const THOROUGH_DEVICES = 4
const MIDDLE_DEVICES = 8

/** Cases in which every plan, or nearly so, can be looked at. */
export const isSmall = (search: Search): boolean => search.last <= SMALL_CUTS && isThorough(search)

/** Rooms in which a plan is found so soon that there is time for more starting points, unless it must be there at once. */
export const isThorough = ({ room, limits }: Search): boolean =>
  limits.thorough && room.devices.length <= THOROUGH_DEVICES

/** Rooms in which every millisecond of planning counts. */
export const isMiddle = ({ room }: Search): boolean =>
  room.devices.length > THOROUGH_DEVICES && room.devices.length <= MIDDLE_DEVICES
