// The raw token in Rust: packed parameters, fixed buffers.
// In: fields one after the other, numbers little-endian, no gaps. Out: a status; coins, state and events in the draft.
//
//   Initialize  symbol[8] name[32]        zero-padded
//   Mint        to[42] amount[8]
//   Transfer    to[42] amount[8]          or  to[42] amount[8] from[42]
//   GetBalance  of[42]                    answers 8 bytes
//   event "Transfer"                      from[42] to[42] amount[8]
#![no_std]

mod host;
mod rules;

use host::{Address, Status, ADDRESS, ALREADY_EXISTS, INVALID_PARAMETERS};
use rules::{TokenId, NAME_MAX, SYMBOL_MAX};

const PAYMENT: usize = ADDRESS + 8;

/// The parameters, if they have exactly the length of the buffer.
fn read<const N: usize>() -> Result<[u8; N], Status> {
    let mut buffer = [0; N];
    match host::params(&mut buffer) {
        Some(params) if params.len() == N => Ok(buffer),
        _ => Err(INVALID_PARAMETERS),
    }
}

/// to[42] amount[8], an amount of 0 refused
fn payment(packed: &[u8; PAYMENT]) -> Result<(&Address, u64), Status> {
    let (to, amount) = packed.split_at(ADDRESS);
    let to = to.try_into().map_err(|_| INVALID_PARAMETERS)?;
    let amount = u64::from_le_bytes(amount.try_into().map_err(|_| INVALID_PARAMETERS)?);
    if amount == 0 { Err(INVALID_PARAMETERS) } else { Ok((to, amount)) }
}

/// A zero-padded field up to its first zero.
fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|&c| c == 0).next().unwrap_or(field)
}

fn initialize() -> Result<(), Status> {
    if host::state_exists(b"owner") {
        return Err(ALREADY_EXISTS);
    }
    let params = read::<{ SYMBOL_MAX + NAME_MAX }>()?;
    let (symbol, name) = params.split_at(SYMBOL_MAX);
    rules::initialize(until_zero(name), until_zero(symbol))
}

fn mint() -> Result<(), Status> {
    let token = TokenId::load()?;
    let params = read::<PAYMENT>()?;
    let (to, amount) = payment(&params)?;
    rules::mint(&token, to, amount)
}

fn transfer() -> Result<(), Status> {
    let token = TokenId::load()?;
    let mut params = [0; PAYMENT];
    let mut named = None;
    match read::<{ PAYMENT + ADDRESS }>() {
        Ok(longer) => {
            let (pay, from) = longer.split_at(PAYMENT);
            params.copy_from_slice(pay);
            named = Address::try_from(from).ok();
        }
        Err(_) => params = read()?,
    }
    let (to, amount) = payment(&params)?;

    let from = rules::transfer(&token, named.as_ref(), to, amount)?;
    let mut event = [0; ADDRESS + PAYMENT];
    event[..ADDRESS].copy_from_slice(&from);
    event[ADDRESS..].copy_from_slice(&params);
    host::emit_event(b"Transfer", &event);
    Ok(())
}

fn get_balance() -> Result<(), Status> {
    let token = TokenId::load()?;
    let balance = rules::balance(&token, &read()?)?;
    host::set_return_data(&balance.to_le_bytes());
    Ok(())
}

#[no_mangle]
pub extern "C" fn Initialize() -> Status {
    host::status(initialize())
}

#[no_mangle]
pub extern "C" fn Mint() -> Status {
    host::status(mint())
}

#[no_mangle]
pub extern "C" fn Transfer() -> Status {
    host::status(transfer())
}

#[no_mangle]
pub extern "C" fn GetBalance() -> Status {
    host::status(get_balance())
}
