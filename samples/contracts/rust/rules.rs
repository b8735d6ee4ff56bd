// What both Rust tokens do once their parameters are read: the rules of the token.
// In: addresses and amounts, each checked for its form. Out: nothing, or the status that says why not.

use crate::host::{self, Address, Status, ADDRESS, INVALID_PARAMETERS, NOT_FOUND, UNAUTHORIZED};

pub const SYMBOL_MAX: usize = 8;
pub const NAME_MAX: usize = 32;

/// `<contract address>:<symbol>`
pub struct TokenId {
    bytes: [u8; ADDRESS + 1 + SYMBOL_MAX],
    length: usize,
}

impl TokenId {
    /// NOT_FOUND before Initialize.
    pub fn load() -> Result<TokenId, Status> {
        let mut buffer = [0; SYMBOL_MAX];
        let symbol = host::state_get(b"symbol", &mut buffer).ok_or(NOT_FOUND)?;
        let mut bytes = [0; ADDRESS + 1 + SYMBOL_MAX];
        bytes[..ADDRESS].copy_from_slice(&host::contract());
        bytes[ADDRESS] = b':';
        for (to, from) in bytes[ADDRESS + 1..].iter_mut().zip(symbol) {
            *to = *from;
        }
        Ok(TokenId { bytes, length: ADDRESS + 1 + symbol.len() })
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

pub fn initialize(name: &[u8], symbol: &[u8]) -> Result<(), Status> {
    let symbol_fits = (1..=SYMBOL_MAX).contains(&symbol.len()) && symbol.iter().all(u8::is_ascii_uppercase);
    if !symbol_fits || !(1..=NAME_MAX).contains(&name.len()) {
        return Err(INVALID_PARAMETERS);
    }
    host::state_set(b"owner", &host::caller())?;
    host::state_set(b"name", name)?;
    host::state_set(b"symbol", symbol)?;
    host::state_set(b"supply", &0u64.to_le_bytes())
}

pub fn mint(token: &TokenId, to: &Address, amount: u64) -> Result<(), Status> {
    let mut owner = [0; ADDRESS];
    if host::state_get(b"owner", &mut owner) != Some(&host::caller()) {
        return Err(UNAUTHORIZED);
    }
    let mut supply = [0; 8];
    host::state_get(b"supply", &mut supply);
    let supply = u64::from_le_bytes(supply).checked_add(amount).ok_or(INVALID_PARAMETERS)?; // the sum of all coins fits in 64 bits
    host::create_output(to, amount, token.as_slice())?;
    host::state_set(b"supply", &supply.to_le_bytes())
}

/// Pays from the caller, whose address it answers; `named` is the address that the parameters gave.
pub fn transfer(token: &TokenId, named: Option<&Address>, to: &Address, amount: u64) -> Result<Address, Status> {
    // The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
    let from = host::caller();
    if named.map_or(false, |named| *named != from) {
        return Err(UNAUTHORIZED);
    }
    host::transfer(&from, to, amount, token.as_slice())?;
    Ok(from)
}

pub fn balance(token: &TokenId, whose: &Address) -> Result<u64, Status> {
    host::balance(whose, token.as_slice())
}
