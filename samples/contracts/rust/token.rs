// The readable token in Rust: parameters are JSON, answers and events are JSON.
// In: {"to": "0x...", "amount": 5} and its like. Out: a status; coins, state and events in the draft.
#![no_std]

mod host;
mod json;
mod rules;

use host::{Address, Status, ALREADY_EXISTS, INVALID_PARAMETERS};
use json::Text;
use rules::TokenId;

/// The parameters with the buffer that they stand in.
struct Params([u8; 1024]);

impl Params {
    fn new() -> Params {
        Params([0; 1024])
    }

    fn read(&mut self) -> Result<&[u8], Status> {
        host::params(&mut self.0).ok_or(INVALID_PARAMETERS)
    }
}

fn field<'a>(object: &'a [u8], key: &str) -> Result<Option<&'a [u8]>, Status> {
    json::field(object, key.as_bytes()).map_err(|_| INVALID_PARAMETERS)
}

fn required<'a>(object: &'a [u8], key: &str) -> Result<&'a [u8], Status> {
    field(object, key)?.ok_or(INVALID_PARAMETERS)
}

/// 42 characters; the host judges the rest.
fn address(text: &[u8]) -> Result<&Address, Status> {
    text.try_into().map_err(|_| INVALID_PARAMETERS)
}

fn payment(object: &[u8]) -> Result<(&Address, u64), Status> {
    let to = address(required(object, "to")?)?;
    let amount = json::parse_amount(required(object, "amount")?).ok_or(INVALID_PARAMETERS)?;
    Ok((to, amount))
}

fn initialize() -> Result<(), Status> {
    if host::state_exists(b"owner") {
        return Err(ALREADY_EXISTS);
    }
    let mut params = Params::new();
    let object = params.read()?;
    rules::initialize(required(object, "name")?, required(object, "symbol")?)
}

fn mint() -> Result<(), Status> {
    let token = TokenId::load()?;
    let mut params = Params::new();
    let (to, amount) = payment(params.read()?)?;
    rules::mint(&token, to, amount)
}

fn transfer() -> Result<(), Status> {
    let token = TokenId::load()?;
    let mut params = Params::new();
    let object = params.read()?;
    let (to, amount) = payment(object)?;
    let named = field(object, "from")?.map(address).transpose()?;

    let from = rules::transfer(&token, named, to, amount)?;
    let event = Text::new().push(b"{\"from\":\"").push(&from).push(b"\",\"to\":\"").push(to);
    let event = event.push(b"\",\"amount\":").push_number(amount).push(b"}");
    host::emit_event(b"Transfer", event.as_slice());
    Ok(())
}

fn get_balance() -> Result<(), Status> {
    let token = TokenId::load()?;
    let mut params = Params::new();
    let whose = address(required(params.read()?, "of")?)?;
    let balance = rules::balance(&token, whose)?;
    host::set_return_data(Text::new().push_number(balance).as_slice());
    Ok(())
}

/// {"name": "Gold", "symbol": "GLD"}: whoever calls first owns the token.
#[no_mangle]
pub extern "C" fn Initialize() -> Status {
    host::status(initialize())
}

/// {"to": "0x...", "amount": 5}: the owner makes new coins.
#[no_mangle]
pub extern "C" fn Mint() -> Status {
    host::status(mint())
}

/// {"to": "0x...", "amount": 5, "from": "0x..."}: moves the caller's coins; "from" may be left out.
#[no_mangle]
pub extern "C" fn Transfer() -> Status {
    host::status(transfer())
}

/// {"of": "0x..."}: answers the balance as a JSON number.
#[no_mangle]
pub extern "C" fn GetBalance() -> Status {
    host::status(get_balance())
}
