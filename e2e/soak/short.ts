/** `npm run soak -- --short`: the same runs, cut to minutes. */
export const isShort = process.env['ROOMFUL_SOAK_SHORT'] === '1'
